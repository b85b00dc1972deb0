// Shows openapi.json of the server that this came from, and nobody else's.
SwaggerUIBundle({
	url: "openapi.json",
	dom_id: "#page",
	presets: [SwaggerUIBundle.presets.apis],
	layout: "BaseLayout",
	validatorUrl: null, // the default asks a server of its makers
	queryConfigEnabled: false,
	deepLinking: true,
	displayRequestDuration: true,
	tryItOutEnabled: true,
	defaultModelsExpandDepth: 0,
	persistAuthorization: false, // a token is not kept when the page is closed
});
