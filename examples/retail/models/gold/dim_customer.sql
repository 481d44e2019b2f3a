/* ---
description: customers as they were at every time
mode: scd2
key: [customer_id]
version: updated_at
new_rows_of: [silver.customer_versions]
columns: { email: { pii: true } }
--- */
select
    customer_id,
    first_name,
    last_name,
    email,
    city,
    state,
    country,
    customer_segment,
    registration_date,
    updated_at
from silver.customer_versions
