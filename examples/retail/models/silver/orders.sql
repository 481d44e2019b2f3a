/* ---
description: one row per order, latest version wins, deleted orders leave
mode: full
partition_by: [year(order_date)]
--- */
with latest as (
    select *
    from bronze.orders
    where order_id is not null
    qualify row_number() over (
        partition by order_id order by updated_at desc, _source_file desc, _source_row desc) = 1
)
select
    order_id,
    customer_id,
    product_id,
    order_date,
    order_timestamp,
    quantity,
    unit_price::decimal(18, 2) as unit_price,
    total_amount::decimal(18, 2) as total_amount,
    upper(coalesce(nullif(trim(currency), ''), 'USD')) as currency,
    payment_method,
    shipping_method,
    status,
    discount_percent,
    tax_amount::decimal(18, 2) as tax_amount,
    shipping_cost::decimal(18, 2) as shipping_cost,
    promo_code,
    sales_rep_id,
    channel,
    created_at,
    updated_at
from latest
where op <> 'DELETE' and not coalesce(is_deleted, false)
