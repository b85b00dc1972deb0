-- lighttpd.conf runs this before a request goes to the pool. With MAX_WAITING requests there already it is answered 503 here, at
-- once. Left alone they would fill the backlog of the pool's socket, and lighttpd sends nothing
-- to a pool whose backlog was full for up to a second, however idle its workers are by then.
-- What is set to nothing is not set.
local most = tonumber(os.getenv("MAX_WAITING")) or 64 * (tonumber(os.getenv("WORKERS")) or 4)

-- The request's own, or a new one: a UUID, as the worker gives.
local function request_id(own)
	if own and #own <= 64 and own:find("^[%w._-]+$") then
		return own
	end
	local hex = ""
	for _ = 1, 4 do
		hex = hex .. string.format("%08x", lighty.c.rand() % 4294967296)
	end
	return string.format("%s-%s-4%s-a%s-%s", hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 15), hex:sub(16, 18), hex:sub(19, 30))
end

if (lighty.status["gw.active-requests"] or 0) >= most then
	local r = lighty.r
	r.resp_header["Retry-After"] = "1"
	r.resp_header["X-Request-ID"] = request_id(r.req_header["X-Request-ID"])
	r.resp_header["Content-Type"] = "application/json"
	r.resp_body:set({ '{"detail":"Service Unavailable"}' }) -- with docs/errors/503.html lighttpd drops the fields
	return 503
end
