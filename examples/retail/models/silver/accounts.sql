/* ---
description: one row per CRM account, the newest version wins
mode: merge
key: [account_id]
version: last_modified_date
new_rows_of: [silver.account_versions]
--- */
select * from silver.account_versions
