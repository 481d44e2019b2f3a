/* ---
description: CRM contacts as they were at every time
mode: scd2
key: [contact_id]
version: last_modified_date
new_rows_of: [silver.contact_versions]
columns: { email: { pii: true } }
--- */
select
    contact_id,
    account_id,
    first_name,
    last_name,
    email,
    title,
    department,
    contact_role,
    contact_level,
    last_modified_date
from silver.contact_versions
