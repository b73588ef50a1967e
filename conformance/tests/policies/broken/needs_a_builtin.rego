package access

import rego.v1

default allow := false

allow if {
	[_, claims, _] := io.jwt.decode(input.token)
	claims.tenant == input.resource.tenant
}
