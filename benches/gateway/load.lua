-- For wrk. Arguments: how many bytes each request sends (0: a GET without a body), and the type of the body.
local function json(length)
  local row = '{"id":"3f0c2a4e","status":"active","name":"Northwind Traders","amount":1250,"currency":"USD"}'
  local rows = {}
  for at = 1, math.ceil(length / (#row + 1)) do
    rows[at] = row
  end
  return "[" .. table.concat(rows, ",") .. "]"
end

function init(arguments)
  local length = tonumber(arguments[1] or "0")
  if length > 0 then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = arguments[2]
    wrk.body = arguments[2] == "application/json" and json(length) or string.rep("x", length)
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "measured requests=%d micros=%d p50=%d p99=%d refused=%d broken=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
