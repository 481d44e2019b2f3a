/* ---
description: every version of every product as it was exported
mode: append
new_rows_of: [bronze.products]
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
