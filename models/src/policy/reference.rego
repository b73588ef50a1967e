# Attribute-based access control over tenants: the reference policy of the platform.
#
# A request is allowed when nothing speaks against it. Every rule is written so that an undefined operand denies:
# "not inside" instead of "differs from", because a comparison with an undefined value is undefined, and an undefined
# deny rule would let the request through.
package switchboard

import rego.v1

default allow := false

allow if count(deny) == 0

# A question with a gap is refused as a whole; the other rules judge complete questions only.
deny contains {"code": "MALFORMED"} if not complete

deny contains {"code": "UNAUTHENTICATED"} if {
	complete
	not input.subject.authenticated
}

deny contains {"code": "TENANT_MISMATCH"} if {
	complete
	enforced("policy.tenant-match")
	not own_resource
}

deny contains {"code": "UNKNOWN_TENANT"} if {
	complete
	not tenant
}

deny contains {"code": "RESIDENCY"} if {
	complete
	tenant
	enforced("policy.region-match")
	not at_home
}

deny contains {"code": "LABEL"} if {
	complete
	tenant
	enforced("policy.label")
	not label_permitted
}

deny contains {"code": "UNKNOWN_KIND"} if {
	complete
	tenant
	not kind_known
}

deny contains {"code": "CLASSIFICATION"} if {
	complete
	kind_known
	enforced("policy.classification")
	not within_class
}

complete if {
	is_boolean(input.subject.authenticated)
	is_string(input.tenant.id)
	is_string(input.resource.tenant)
	is_string(input.resource.kind)
	is_string(input.resource.label)
	is_string(input.context.region)
	level_of(input.resource.classification) >= 0
}

tenant := data.tenants[input.tenant.id]

own_resource if input.tenant.id == input.resource.tenant

at_home if input.context.region == tenant.region

label_permitted if input.resource.label in tenant.labels

kind_known if input.resource.kind in object.keys(tenant.data_classes)

within_class if {
	level_of(input.resource.classification) <= level_of(tenant.data_classes[input.resource.kind])
}

# What a list may show besides what was asked about: rows and columns that are not named here are withheld (POL-05).
filter := {"labels": labels_shown, "kinds": {kind: shown(kind) | some kind in object.keys(tenant.data_classes)}} if {
	count(deny) == 0
}

labels_shown := null if {
	switched_off("policy.label")
} else := tenant.labels

shown(kind) := {"level": highest(kind), "columns": columns_up_to(highest(kind))}

highest(kind) := 3 if {
	switched_off("policy.classification")
} else := level_of(tenant.data_classes[kind])

columns_up_to(top) := {column | some column, level in data.columns; level_of(level) <= top}

# One total order; a name and its integer mean the same.
level_names := ["public", "internal", "confidential", "restricted"]

level_of(level) := rank if {
	some rank, name in level_names
	level in {rank, name}
}

# A control is enforced unless the data says, in so many words, that it is off.
enforced(control) if not switched_off(control)

switched_off(control) if data.controls[control] == false
