/* ---
description: one row per opportunity, the newest version wins; those that are open have no close date
mode: merge
key: [opportunity_id]
version: last_modified_date
new_rows_of: [bronze.opportunities]
--- */
select
    Id as opportunity_id,
    trim(Name) as opportunity_name,
    AccountId as account_id,
    StageName as stage,
    CloseDate as close_date,
    round(Amount, 2)::decimal(18, 2) as amount,
    Probability as probability,
    LeadSource as lead_source,
    "Type" as opportunity_type,
    ForecastCategory as forecast_category,
    IsClosed as is_closed,
    IsWon as is_won,
    DealSize as deal_size,
    SalesCycle as sales_cycle_days,
    ProductInterest as product_interest,
    OwnerId as owner_id,
    CreatedDate as created_date,
    LastModifiedDate as last_modified_date
from bronze.opportunities
where Id is not null
