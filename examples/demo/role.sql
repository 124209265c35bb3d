-- The documented read-only role, statement by statement. Run it in the customer's database:
--   psql -d your_database -v database=your_database -f role.sql      (psql asks for the password when none is set)
\if :{?password}
\else
    \prompt 'Password of directflow_readonly: ' password
\endif
CREATE USER directflow_readonly WITH PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO directflow_readonly;
GRANT USAGE ON SCHEMA public TO directflow_readonly;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO directflow_readonly;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO directflow_readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO directflow_readonly;
