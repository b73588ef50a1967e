package switchboard

import future.keywords.if

default allow := false

allow if {
  input.subject.authenticated
  input.tenant.id == input.resource.tenant
  input.context.region == data.tenants[input.tenant.id].region
  input.resource.classification <= data.tenants[input.tenant.id].data_classes[input.resource.kind]
  not deny[_]
}

deny[{"code":"TENANT_MISMATCH"}] if { input.tenant.id != input.resource.tenant }

deny[{"code":"RESIDENCY"}] if { input.context.region != data.tenants[input.tenant.id].region }

deny[{"code":"LABEL"}] if { input.resource.label notin data.tenants[input.tenant.id].labels }
