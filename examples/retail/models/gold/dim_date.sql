/* ---
description: one row per day from the first to the last order
mode: full
--- */
with bounds as (
    select min(order_date) as first_day, max(order_date) as last_day from silver.orders where not _is_deleted
),
days as (
    select unnest(range(first_day, last_day + interval 1 day, interval 1 day))::date as day from bounds
)
select
    day,
    year(day)::integer as year,
    quarter(day)::integer as quarter,
    month(day)::integer as month,
    isodow(day)::integer as day_of_week,
    isodow(day) >= 6 as is_weekend
from days
