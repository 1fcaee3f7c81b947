-- The key check of the peer: HMAC-SHA-256 of the secret, looked up in a table, and the Client ID compared. The two
-- states of SHA-256 that depend on the pepper only are computed once.
local ffi = require "ffi"
local C = ffi.C

ffi.cdef [[
typedef struct {
  unsigned int h[8];
  unsigned int low, high;
  unsigned int data[16];
  unsigned int num, md_len;
} SHA256_CTX;
int SHA256_Init(SHA256_CTX *state);
int SHA256_Update(SHA256_CTX *state, const void *data, size_t length);
int SHA256_Final(unsigned char *digest, SHA256_CTX *state);
]]

local STATE = ffi.sizeof("SHA256_CTX")
local inner, outer, state = ffi.new("SHA256_CTX"), ffi.new("SHA256_CTX"), ffi.new("SHA256_CTX")
local digest = ffi.new("unsigned char[32]")

local PEPPER = "9d2f4c1b7a6e8035f1c4d7b2a9e60813"

local function padded(byte)
  local block = {}
  for at = 1, 64 do
    block[at] = string.char(bit.bxor(PEPPER:byte(at) or 0, byte))
  end
  return table.concat(block)
end

C.SHA256_Init(inner)
C.SHA256_Update(inner, padded(0x36), 64)
C.SHA256_Init(outer)
C.SHA256_Update(outer, padded(0x5c), 64)

local function hash(secret)
  ffi.copy(state, inner, STATE)
  C.SHA256_Update(state, secret, #secret)
  C.SHA256_Final(digest, state)
  ffi.copy(state, outer, STATE)
  C.SHA256_Update(state, digest, 32)
  C.SHA256_Final(digest, state)
  return ffi.string(digest, 32)
end

-- Takes the same time wherever the two differ.
local function equal(one, other)
  if #one ~= #other then
    return false
  end
  local difference = 0
  for at = 1, #one do
    difference = bit.bor(difference, bit.bxor(one:byte(at), other:byte(at)))
  end
  return difference == 0
end

local keys = {}

local function refuse()
  ngx.status = 401
  ngx.header["content-type"] = "application/json"
  ngx.print('{"error":{"code":"authentication_failed","message":"No such user"}}')
  return ngx.exit(401)
end

local function lines(headers)
  local parts, count = {}, 0
  for name, value in pairs(headers) do
    if name ~= "x-access-secret" then
      if type(value) == "table" then
        value = table.concat(value, ", ")
      end
      parts[count + 1], parts[count + 2], parts[count + 3], parts[count + 4] = name, ": ", value, "\n"
      count = count + 4
    end
  end
  return table.concat(parts)
end

local M = {}

-- Each line of the file is the id of a company, its Client ID, the id of a key and its secret.
function M.load(path)
  for line in io.lines(path) do
    local company, client_id, id, secret = line:match("^(%S+) (%S+) (%S+) (%S+)$")
    keys[hash(secret)] = { company = company, client_id = client_id, id = id }
  end
end

function M.check()
  local var = ngx.var
  local client_id, secret = var.http_x_access_client_id, var.http_x_access_secret
  if not client_id or not secret then
    return refuse()
  end
  local key = keys[hash(secret)]
  if not key or not equal(key.client_id, client_id) then
    return refuse()
  end
  var.gh_company, var.gh_client_id, var.gh_key = key.company, key.client_id, key.id
end

-- Runs before the access log is written.
function M.gather_headers()
  ngx.var.gh_request_headers = lines(ngx.req.get_headers(0))
  ngx.var.gh_response_headers = lines(ngx.resp.get_headers(0))
end

return M
