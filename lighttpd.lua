-- lighttpd.conf runs this twice for a request: before it goes to the pool, and on every answer before it goes to the client.
local r = lighty.r

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

-- The server's own errors lack two fields that the worker's have; docs/errors/ cannot say them.
local status = r.req_item.http_status
if status ~= 0 then
	if status >= 400 and not r.resp_header["X-Request-ID"] then
		r.resp_header["X-Request-ID"] = request_id(r.req_header["X-Request-ID"])
		if (status == 503 or status == 504) and not r.resp_header["Retry-After"] then
			r.resp_header["Retry-After"] = "1"
		end
	end
	return 0
end

-- The API's page and its document, as `make docs` has built them into DOCS_DIR. The target is compared as it came; everything else, other
-- methods and files that are not there included, is the pool's to answer.
local types = { html = "text/html; charset=utf-8", json = "application/json" }
local beside = { js = "text/javascript", css = "text/css", png = "image/png", txt = "text/plain" }

local function file_of(path)
	if path == "/docs" then
		return "/index.html"
	end
	if path == "/openapi.json" then
		return path
	end
	local name, kind = path:match("^/docs(/%w[%w._-]*%.(%w+))$")
	return beside[kind] and name
end

local method, path = r.req_attr["request.method"], r.req_attr["request.uri"]:match("^[^?]*")
local file = (method == "GET" or method == "HEAD") and file_of(path)
if file then
	local docs = os.getenv("DOCS_DIR") or ""
	if docs == "" then
		docs = debug.getinfo(1, "S").source:match("^@?(.*)/") .. "/build/page"
	end
	local found, kind = lighty.c.stat(docs .. file), file:match("%w+$")
	if found and found.is_file then
		r.resp_header["X-Request-ID"] = request_id(r.req_header["X-Request-ID"])
		r.resp_header["Content-Type"] = types[kind] or beside[kind]
		r.resp_header["Cache-Control"] = "no-cache"
		r.resp_header["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
			.. "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
		r.resp_header["X-Content-Type-Options"] = "nosniff"
		r.resp_header["Referrer-Policy"] = "no-referrer"
		return found["http-response-send-file"]
	end
end

-- With MAX_WAITING requests at the pool already it is answered 503 here, at once. Left alone they would fill the backlog of the
-- pool's socket, and lighttpd sends nothing to a pool whose backlog was full for up to a second, however idle its workers are by then.
-- What is set to nothing is not set. Who watches has some places more: a load balancer must not take a pool for dead that is busy.
local most = tonumber(os.getenv("MAX_WAITING")) or 64 * (tonumber(os.getenv("WORKERS")) or 4)
if path:find("^/health/?$") or path:find("^/ready/?$") or path:find("^/metrics/?$") then
	most = most + 16
end
if (lighty.status["gw.active-requests"] or 0) >= most then
	r.resp_header["Content-Type"] = "application/json"
	r.resp_body:set({ '{"detail":"Service Unavailable"}' }) -- docs/errors/503.html is not looked for behind this script
	return 503
end
