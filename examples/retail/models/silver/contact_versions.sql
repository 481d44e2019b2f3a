/* ---
description: every version of every CRM contact, in snake case
mode: append
new_rows_of: [bronze.contacts]
columns: { email: { pii: true } }
--- */
select
    Id as contact_id,
    AccountId as account_id,
    trim(FirstName) as first_name,
    trim(LastName) as last_name,
    lower(trim(Email)) as email,
    Title as title,
    Department as department,
    ContactRole as contact_role,
    ContactLevel as contact_level,
    DoNotCall as do_not_call,
    HasOptedOutOfEmail as opted_out_of_email,
    round(EngagementScore, 2) as engagement_score,
    CreatedDate as created_date,
    LastModifiedDate as last_modified_date
from bronze.contacts
where Id is not null
