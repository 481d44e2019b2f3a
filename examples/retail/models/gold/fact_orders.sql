/* ---
description: one row per order, its amount in USD by the rate of the day
mode: full
partition_by: [month(order_date)]
tags: [finance]
--- */
select
    o.order_id,
    md5('customer|' || o.customer_id) as customer_sk,
    md5('product|' || o.product_id) as product_sk,
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
    o.currency <> 'USD' and fx.rate is null as rate_missing,
    o.status,
    o.channel,
    o.payment_method
from silver.orders o
left join silver.fx_rates fx
    on fx.trade_date = o.order_date and fx.base_ccy = 'USD' and fx.counter_ccy = o.currency
