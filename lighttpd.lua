-- lighttpd.conf runs this before a request goes to the pool. With MAX_WAITING requests there already it is answered 503 here, at
-- once. Left alone they would fill the backlog of the pool's socket, and lighttpd sends nothing
-- to a pool whose backlog was full for up to a second, however idle its workers are by then.
local most = tonumber(os.getenv("MAX_WAITING") or 64 * (os.getenv("WORKERS") or 4))
if (lighty.status["gw.active-requests"] or 0) >= most then
	local r = lighty.r
	r.resp_header["Retry-After"] = "1"
	r.resp_header["Content-Type"] = "application/json"
	r.resp_body:set({ '{"detail":"Service Unavailable"}' }) -- with docs/errors/503.html lighttpd drops the fields
	return 503
end
