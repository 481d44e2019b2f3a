/* ---
description: one row per order event with the key of its customer at the time
mode: full
partition_by: [month(event_date)]
--- */
with customer_periods as (
    -- a fact before the first version that is known belongs to that version
    select
        customer_id,
        surrogate_key,
        case when row_number() over (partition by customer_id order by effective_start) = 1
             then timestamp '0001-01-01' else effective_start::timestamp end as valid_from,
        coalesce(effective_end::timestamp, timestamp '9999-12-31') as valid_to
    from gold.dim_customer
)
select
    e.event_id,
    e.order_id,
    c.surrogate_key as customer_sk,
    e.customer_id,
    e.event_type,
    e.event_ts,
    e.event_ts::date as event_date,
    e.amount,
    e.currency,
    e.channel,
    e.session_id
from silver.order_events e
left join customer_periods c
    on c.customer_id = e.customer_id and e.event_ts >= c.valid_from and e.event_ts < c.valid_to
