-- Asks Gatehouse whether a request may pass. haproxy.cfg says how to install and use this file.

local URL = "http://127.0.0.1:9090/verify?environment=prod&profile=haproxy"

-- How long HAProxy waits for Gatehouse. HAProxy 2.6 asks four times, so a caller gets 503 after four times this long.
local TIMEOUT_MS = 2000

-- The caller's headers that Gatehouse needs, and those that its log keeps. Add what you want to see there.
local ASK_WITH = { "x-access-client-id", "x-access-secret", "x-brand-id", "user-agent", "content-type", "accept" }

-- What an accepted request gets.
local IDENTITY = {
  "x-gatehouse-company", "x-gatehouse-client-id", "x-gatehouse-environment", "x-gatehouse-key-id",
  "x-gatehouse-brand", "x-request-id",
}

-- What a refused caller gets, with Gatehouse's status and body.
local REFUSAL = {
  "content-type", "retry-after", "www-authenticate", "x-request-id", "cache-control", "vary",
  "x-content-type-options",
}

local NOT_READY = '{"error":{"code":"not_ready","message":"The service is not ready. Try again in a moment."}}'

local NOT_READY_HEADERS = {
  ["content-type"] = { [0] = "application/json" }, ["retry-after"] = { [0] = "1" }, ["cache-control"] = { [0] = "no-store" },
}

-- All values of a header, in order. HAProxy counts them from 0.
local function values(headers, name)
  local list = {}
  if headers[name] then
    for i = 0, #headers[name] do table.insert(list, headers[name][i]) end
  end
  return list
end

core.register_action("gatehouse", { "http-req" }, function(txn)
  local sent, ask = txn.http:req_get_headers(), {}
  for _, name in ipairs(ASK_WITH) do
    -- A header that came twice is passed on twice: Gatehouse refuses two secrets.
    if sent[name] then ask[name] = values(sent, name) end
  end
  local chain = values(sent, "x-forwarded-for")
  table.insert(chain, txn.f:src())
  ask["x-forwarded-for"] = { table.concat(chain, ", ") }
  -- Never from the caller's own headers. `pathq` is the path and query as they go to the API.
  ask["x-forwarded-method"] = { txn.f:method() }
  ask["x-forwarded-uri"] = { txn.f:pathq() }

  local answer = core.httpclient():get{ url = URL, headers = ask, timeout = TIMEOUT_MS }
  local status = answer and answer.status or 0
  -- Every response of Gatehouse has a request id. Without one, the response is HAProxy's own or another server's.
  if status < 200 or not (answer.headers and answer.headers["x-request-id"]) then
    txn:set_var("txn.gatehouse_status", 503)
    txn:set_priv({ status = 503, body = NOT_READY, headers = NOT_READY_HEADERS })
    return
  end
  txn:set_var("txn.gatehouse_status", status)
  if status ~= 200 then
    txn:set_priv({ status = status, body = answer.body or "", headers = answer.headers or {} })
    return
  end
  for _, name in ipairs(IDENTITY) do
    -- Gatehouse sends all of them with every 200. A missing one leaves the variable unset, and the header empty.
    if answer.headers[name] then txn:set_var("txn." .. name:gsub("-", "_"), answer.headers[name][0]) end
  end
end, 0)

core.register_action("gatehouse_refuse", { "http-req" }, function(txn)
  local refusal, reply = txn:get_priv(), txn:reply()
  reply:set_status(refusal.status)
  for _, name in ipairs(REFUSAL) do
    if refusal.headers[name] then reply:add_header(name, refusal.headers[name][0]) end
  end
  reply:set_body(refusal.body)
  txn:done(reply)
end, 0)
