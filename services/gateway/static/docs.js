Scalar.createApiReference("#reference", {
  url: document.body.dataset.description,
  theme: "default",
  withDefaultFonts: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
  telemetry: false,
});
