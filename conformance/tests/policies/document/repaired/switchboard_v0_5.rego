package switchboard

import future.keywords.if
import future.keywords.in

default allow := false

allow if {
  input.subject.authenticated
  input.tenant.id == input.resource.tenant
  input.context.region == data.tenants[input.tenant.id].region
  input.resource.classification <= data.tenants[input.tenant.id].data_classes[input.resource.kind]
  count(deny) == 0
}

deny[{"code":"TENANT_MISMATCH"}] if { input.tenant.id != input.resource.tenant }

deny[{"code":"RESIDENCY"}] if { input.context.region != data.tenants[input.tenant.id].region }

deny[{"code":"LABEL"}] if { not input.resource.label in data.tenants[input.tenant.id].labels }
