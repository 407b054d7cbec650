-- The team's databases, each with a role of its own that sees no other. PostgreSQL's image runs this once, as it makes
-- an empty data folder; run it again by hand to change a password:
--   docker compose exec postgres psql -U postgres -f /docker-entrypoint-initdb.d/databases.sql
--
-- MLflow and Optuna number their migrations in a table of the same name, so they must not share a database; MLflow's
-- accounts lie apart from its runs, so that who may read a dump of the runs has no password hashes.
\set ON_ERROR_STOP on
\set QUIET on
\getenv mlflow_password MLFLOW_DB_PASSWORD
\getenv mlflow_auth_password MLFLOW_AUTH_DB_PASSWORD
\getenv optuna_password OPTUNA_DB_PASSWORD

-- a statement that fails would be written to the server's log, with the password in it
SET log_min_error_statement = panic;
SET log_statement = none;

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['mlflow', 'mlflow_auth', 'optuna']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE mlflow PASSWORD :'mlflow_password';
ALTER ROLE mlflow_auth PASSWORD :'mlflow_auth_password';
ALTER ROLE optuna PASSWORD :'optuna_password';

SELECT format('CREATE DATABASE %I OWNER %I', name, name)
FROM unnest(ARRAY['mlflow', 'mlflow_auth', 'optuna']) AS name
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name)
FROM unnest(ARRAY['mlflow', 'mlflow_auth', 'optuna', 'postgres']) AS name \gexec
