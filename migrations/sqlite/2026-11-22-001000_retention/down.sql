DROP INDEX leads_to_forget;
DROP INDEX audit_to_forget;
