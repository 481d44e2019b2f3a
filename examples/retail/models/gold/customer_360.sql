/* ---
description: what each customer spent and how long he stayed
mode: full
tags: [marketing]
--- */
with spending as (
    select
        customer_id,
        sum(order_amount_usd)::decimal(18, 2) as total_spent,
        count(*) as order_count,
        min(order_date) as first_order,
        max(order_date) as last_order
    from gold.fact_orders
    group by customer_id
),
visits as (
    select
        customer_id,
        sum(duration_seconds)::bigint as total_time_spent,
        count(distinct session_id) as session_count
    from silver.customer_behavior
    group by customer_id
)
select
    c.customer_id,
    c.customer_segment,
    c.country,
    coalesce(s.total_spent, 0)::decimal(18, 2) as total_spent,
    coalesce(s.order_count, 0) as order_count,
    s.first_order,
    s.last_order,
    coalesce(v.total_time_spent, 0) as total_time_spent,
    coalesce(v.session_count, 0) as session_count
from gold.dim_customer c
left join spending s on s.customer_id = c.customer_id
left join visits v on v.customer_id = c.customer_id
where c.is_current
