/* ---
description: one row per order with the keys of its time, its amount in USD by the rate of the day
mode: full
partition_by: [year(order_date), month(order_date)]
tags: [finance]
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
),
product_periods as (
    -- a fact before the first version that is known belongs to that version
    select
        product_id,
        surrogate_key,
        case when row_number() over (partition by product_id order by effective_start) = 1
             then timestamp '0001-01-01' else effective_start::timestamp end as valid_from,
        coalesce(effective_end::timestamp, timestamp '9999-12-31') as valid_to
    from gold.dim_product
)
select
    o.order_id,
    c.surrogate_key as customer_sk,
    p.surrogate_key as product_sk,
    o.customer_id,
    o.product_id,
    o.order_date,
    o.order_timestamp,
    o.quantity,
    o.unit_price,
    o.total_amount as order_amount,
    o.currency,
    case when o.currency = 'USD' then 1 else fx.rate end::decimal(18, 6) as fx_rate,
    round(o.total_amount / case when o.currency = 'USD' then 1 else fx.rate end, 2)::decimal(18, 2)
        as order_amount_usd,
    o.status,
    o.channel,
    o.payment_method
from silver.orders o
left join customer_periods c
    on c.customer_id = o.customer_id and o.order_timestamp >= c.valid_from and o.order_timestamp < c.valid_to
left join product_periods p
    on p.product_id = o.product_id and o.order_timestamp >= p.valid_from and o.order_timestamp < p.valid_to
left join silver.fx_rates fx
    on fx.trade_date = o.order_date and fx.base_ccy = 'USD' and fx.counter_ccy = o.currency
where not o._is_deleted
