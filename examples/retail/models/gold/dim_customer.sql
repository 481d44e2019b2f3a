/* ---
description: customers with their CRM account
mode: full
columns: { email: { pii: true } }
--- */
select
    md5('customer|' || c.customer_id) as customer_sk,
    c.customer_id,
    c.first_name,
    c.last_name,
    c.email,
    c.city,
    c.state,
    c.country,
    c.customer_segment,
    c.registration_date,
    a.account_name,
    a.industry,
    a.region,
    a.account_id is not null as has_account
from silver.customers c
left join silver.accounts a on a.account_id = c.customer_id
