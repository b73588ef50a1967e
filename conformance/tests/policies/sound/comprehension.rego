# A table of checks; what is not established is denied, by a comprehension.
package v2.authz

checks contains "authenticated" if input.subject.authenticated == true

checks contains "tenant" if {
	is_string(input.tenant.id)
	input.resource.tenant == input.tenant.id
}

checks contains "region" if tenant.region == input.context.region

checks contains "label" if {
	some permitted in tenant.labels
	permitted == input.resource.label
}

checks contains "class" if {
	some kind, class in tenant.data_classes
	kind == input.resource.kind
	rank(input.resource.classification) <= rank(class)
}

tenant := data.tenants[input.tenant.id]

codes := {
	"authenticated": "WHO",
	"tenant": "TENANT_MISMATCH",
	"region": "RESIDENCY",
	"label": "LABEL",
	"class": "CLASS",
}

deny := {code | some check, code in codes; not check in checks}

allow := deny == set()

rank(level) := level if {
	is_number(level)
	level in numbers.range(0, 3)
}

rank(level) := position if {
	some position, name in ["public", "internal", "confidential", "restricted"]
	name == level
}
