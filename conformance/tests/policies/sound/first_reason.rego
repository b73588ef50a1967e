# One reason, the first that applies; `deny` is a list.
package gate

import rego.v1

default allow := false

allow if reason == "NONE"

deny := [] if reason == "NONE"

else := [{"code": reason}]

default reason := "UNREADABLE"

reason := "NOT_LOGGED_IN" if not input.subject.authenticated == true

else := "UNREADABLE" if not readable

else := "TENANT_MISMATCH" if input.tenant.id != input.resource.tenant

else := "NO_SUCH_TENANT" if not input.tenant.id in object.keys(data.tenants)

else := "RESIDENCY" if input.context.region != tenant.region

else := "LABEL" if not input.resource.label in tenant.labels

else := "NO_SUCH_KIND" if not input.resource.kind in object.keys(tenant.data_classes)

else := "TOO_SENSITIVE" if order[input.resource.classification] > order[tenant.data_classes[input.resource.kind]]

else := "NONE"

tenant := data.tenants[input.tenant.id]

readable if {
	every text in [
		input.tenant.id,
		input.resource.tenant,
		input.resource.kind,
		input.resource.label,
		input.context.region,
	] {
		is_string(text)
	}
	order[input.resource.classification] >= 0
}

order := {0: 0, 1: 1, 2: 2, 3: 3, "public": 0, "internal": 1, "confidential": 2, "restricted": 3}
