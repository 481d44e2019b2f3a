/* ---
description: revenue and units of each product
mode: full
tags: [finance]
--- */
select
    p.product_id,
    p.product_name,
    p.category,
    p.brand,
    count(f.order_id) as order_count,
    coalesce(sum(f.quantity), 0)::bigint as units,
    coalesce(sum(f.order_amount_usd), 0)::decimal(18, 2) as revenue,
    count(distinct f.customer_id) as customers
from gold.dim_product p
left join gold.fact_orders f on f.product_id = p.product_id
where p.is_current
group by all
