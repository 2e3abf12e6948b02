-- The same signed body again and again, under a fresh Idempotency-Key each time.
-- Arguments: the file with the body, its X-Omi-Signature, a prefix for the keys.
local body, prefix
local headers = {}
local sent = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  body = file:read("*a")
  file:close()
  headers["Content-Type"] = "application/json"
  headers["X-Omi-Signature"] = args[2]
  prefix = args[3]
end

function request()
  sent = sent + 1
  headers["Idempotency-Key"] = prefix .. sent
  return wrk.format("POST", nil, headers, body)
end
