/* ---
description: one row per order, the latest version wins; deleted orders stay, marked, so that late rows do not bring them back
mode: merge
key: [order_id]
version: updated_at
delete_when: op = 'DELETE' or coalesce(is_deleted, false)
soft_delete: true
new_rows_of: [bronze.orders]
partition_by: [year(order_date)]
--- */
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
    op,
    is_deleted,
    discount_percent,
    tax_amount::decimal(18, 2) as tax_amount,
    shipping_cost::decimal(18, 2) as shipping_cost,
    promo_code,
    sales_rep_id,
    channel,
    created_at,
    updated_at
from bronze.orders
