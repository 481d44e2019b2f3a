/* ---
description: one row per opportunity with the key of its account at the time of its last change
mode: full
tags: [sales]
--- */
with account_periods as (
    -- a fact before the first version that is known belongs to that version
    select
        account_id,
        surrogate_key,
        case when row_number() over (partition by account_id order by effective_start) = 1
             then timestamp '0001-01-01' else effective_start::timestamp end as valid_from,
        coalesce(effective_end::timestamp, timestamp '9999-12-31') as valid_to
    from gold.dim_account
)
select
    o.opportunity_id,
    a.surrogate_key as account_sk,
    o.account_id,
    o.stage,
    o.created_date,
    o.close_date,
    o.amount,
    o.probability,
    round(o.amount * o.probability / 100, 2)::decimal(18, 2) as expected_amount,
    o.is_closed,
    o.is_won,
    case when o.close_date is not null then o.close_date - o.created_date end as days_to_close
from silver.opportunities o
left join account_periods a
    on a.account_id = o.account_id and o.last_modified_date::timestamp >= a.valid_from and o.last_modified_date::timestamp < a.valid_to
