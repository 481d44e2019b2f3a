/* ---
description: CRM accounts with the number of their contacts
mode: full
--- */
select
    md5('account|' || a.account_id) as account_sk,
    a.account_id,
    a.account_name,
    a.industry,
    a.annual_revenue,
    a.employees,
    a.billing_country,
    a.customer_segment,
    a.region,
    a.account_status,
    count(c.contact_id) as contact_count
from silver.accounts a
left join silver.contacts c on c.account_id = a.account_id
group by all
