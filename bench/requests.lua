-- Requests for wrk. `wrk ... -s requests.lua URL -- verify FOLDER SEED` sends a random key of FOLDER/keys each
-- time, in the body that FOLDER/body describes (KEY stands for the key), with the Authorization that is in
-- FOLDER/authorization; `-- plain` sends GETs without a body; `-- any FILE SEED` sends a random line of FILE each
-- time: the operation of Amazon Cognito's protocol, Authorization, X-Amz-Date and body, with tabs between; what
-- isn't signed comes from many addresses, as a proxy tells them. All requests are made before the clock starts,
-- so that wrk costs the same for every server.

local requests = {}
local ADDRESSES = 100

local function read(path)
  local file = io.open(path)
  if file == nil then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

function init(arguments)
  math.randomseed(tonumber(arguments[3]) or 1)
  if arguments[1] == "plain" then
    requests[1] = wrk.format("GET")
    return
  end
  if arguments[1] == "any" then
    for line in io.lines(arguments[2]) do
      local operation, authorization, date, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
      local headers = { ["Content-Type"] = "application/x-amz-json-1.1" }
      headers["X-Amz-Target"] = "AWSCognitoIdentityProviderService." .. operation
      if authorization ~= "" then
        headers["Authorization"] = authorization
        headers["X-Amz-Date"] = date
        requests[#requests + 1] = wrk.format("POST", nil, headers, body)
      else
        for address = 1, ADDRESSES do
          headers["X-Forwarded-For"] = string.format("10.%d.%d.%d", math.random(255), math.random(255), address)
          requests[#requests + 1] = wrk.format("POST", nil, headers, body)
        end
      end
    end
    return
  end
  local folder = arguments[2]
  local headers = { ["Content-Type"] = "application/json" }
  headers["Authorization"] = read(folder .. "/authorization")
  local before, after = read(folder .. "/body"):match("^(.*)KEY(.*)$")
  for key in io.lines(folder .. "/keys") do
    requests[#requests + 1] = wrk.format("POST", nil, headers, before .. key .. after)
  end
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
