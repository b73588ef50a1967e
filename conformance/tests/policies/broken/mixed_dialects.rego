package access

allow if { input.subject.authenticated == true }

deny[code] { code := "LABEL" }
