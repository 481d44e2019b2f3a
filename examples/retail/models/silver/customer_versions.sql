/* ---
description: every version of every customer as it was exported, names trimmed and e-mail in lower case
mode: append
new_rows_of: [bronze.customers]
columns: { email: { pii: true, doc: lower case }, phone: { pii: true, doc: digits only } }
--- */
select
    customer_id,
    trim(first_name) as first_name,
    trim(last_name) as last_name,
    lower(trim(email)) as email,
    regexp_replace(phone, '[^0-9]', '', 'g') as phone,
    address,
    city,
    state,
    coalesce(nullif(trim(country), ''), 'unknown') as country,
    zip_code,
    registration_date,
    gender,
    age,
    customer_segment,
    round(lifetime_value, 2)::decimal(18, 2) as lifetime_value,
    last_purchase_date,
    preferred_channel,
    created_at,
    updated_at
from bronze.customers
where customer_id is not null
