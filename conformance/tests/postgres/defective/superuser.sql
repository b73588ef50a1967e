-- what: the application role is a superuser, as a container's first role often is
-- after: reports of row security that is void under the default role of a container image
-- base: usual
-- breaks: STO-01
-- object: role {app}
ALTER ROLE {app} SUPERUSER;
