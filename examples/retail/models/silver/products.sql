/* ---
description: one row per product, newest export wins
mode: full
--- */
select
    product_id,
    sku,
    trim(product_name) as product_name,
    category,
    subcategory,
    brand,
    price_usd::decimal(18, 2) as price_usd,
    cost_usd::decimal(18, 2) as cost_usd,
    weight_kg,
    dimensions,
    color,
    size,
    active,
    stock_quantity,
    supplier_id,
    rating,
    review_count,
    in_stock,
    created_at,
    updated_at
from bronze.products
where product_id is not null
qualify row_number() over (
    partition by product_id order by updated_at desc, _source_file desc, _source_row desc) = 1
