/* ---
description: one row per CRM contact, the newest version wins
mode: merge
key: [contact_id]
version: last_modified_date
new_rows_of: [silver.contact_versions]
columns: { email: { pii: true } }
--- */
select * from silver.contact_versions
