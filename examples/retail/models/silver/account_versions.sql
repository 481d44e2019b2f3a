/* ---
description: every version of every CRM account, in snake case
mode: append
new_rows_of: [bronze.accounts]
--- */
select
    Id as account_id,
    trim(Name) as account_name,
    Industry as industry,
    round(AnnualRevenue, 2)::decimal(18, 2) as annual_revenue,
    NumberOfEmployees as employees,
    BillingCity as billing_city,
    BillingState as billing_state,
    coalesce(nullif(BillingCountry, ''), 'unknown') as billing_country,
    Rating as rating,
    "Type" as account_type,
    CustomerSegment as customer_segment,
    GeographicRegion as region,
    AccountStatus as account_status,
    CreatedDate as created_date,
    LastModifiedDate as last_modified_date
from bronze.accounts
where Id is not null
