-- For wrk. The argument is a file with a Client ID and a secret on each line. Each request has the next key of the file.
-- Every thread begins at another place.
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local requests, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local client_id, secret = line:match("^(%S+) (%S+)$")
    wrk.headers["X-Access-Client-Id"] = client_id
    wrk.headers["X-Access-Secret"] = secret
    requests[#requests + 1] = wrk.format()
  end
  at = math.floor(#requests * number / 2) % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "measured requests=%d micros=%d p50=%d p99=%d refused=%d broken=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
