/* ---
description: one row per customer, the newest version wins
mode: merge
key: [customer_id]
version: updated_at
new_rows_of: [silver.customer_versions]
columns: { email: { pii: true, doc: lower case }, phone: { pii: true, doc: digits only } }
--- */
select * from silver.customer_versions
