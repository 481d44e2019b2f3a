/* ---
description: CRM accounts as they were at every time
mode: scd2
key: [account_id]
version: last_modified_date
new_rows_of: [silver.account_versions]
--- */
select
    account_id,
    account_name,
    industry,
    annual_revenue,
    employees,
    billing_country,
    customer_segment,
    region,
    account_status,
    last_modified_date
from silver.account_versions
