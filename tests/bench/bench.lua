-- wrk's side of bench.sh: the requests of one scenario, and its figures on one line.
local scenario, users, orders = os.getenv("SCENARIO"), tonumber(os.getenv("USERS")), tonumber(os.getenv("ORDERS"))
local tokens = {}
for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = "Bearer " .. line end

local function items(n)
	local list = {}
	for i = 1, n do list[i] = string.format('{"product_id":%d,"quantity":2}', i + 2) end
	return '{"items":[' .. table.concat(list, ",") .. "]}"
end

local requests = {
	create1 = function() return "POST", "/api/v1/orders", items(1) end,
	create5 = function() return "POST", "/api/v1/orders", items(5) end,
	get = function(u) return "GET", "/api/v1/orders/" .. (u - 1) * orders + math.random(orders) end,
	list = function() return "GET", "/api/v1/orders?limit=20" end,
}

local threads = {}
function setup(thread)
	threads[#threads + 1] = thread
	thread:set("seed", #threads)
end

function init()
	math.randomseed(seed)
	failed = 0
end

function request()
	local u = math.random(users)
	local method, path, body = requests[scenario](u)
	return wrk.format(method, path, { Authorization = tokens[u], ["Content-Type"] = body and "application/json" }, body)
end

function response(status)
	if status ~= 200 and status ~= 201 then failed = failed + 1 end
end

function done(summary, latency)
	local e, failures = summary.errors, 0
	for _, thread in ipairs(threads) do failures = failures + thread:get("failed") end
	print(string.format("figures %.1f %.3f %.3f %d", summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
		latency:percentile(99) / 1000, failures + e.connect + e.read + e.write + e.timeout))
end
