using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;
using PerfCompare.Agent.Scenarios;

namespace PerfCompare.Agent.Flavours;

/// <summary>A plain HTTP client and JSON, no library that knows Ollama.</summary>
internal sealed class HttpCaller(HttpClient http, TestConfiguration configuration)
    : HandmadeCaller<OllamaMessage>(configuration)
{
    private static readonly MediaTypeHeaderValue s_json = new("application/json", "utf-8");

    private readonly TestConfiguration _configuration = configuration;

    protected override OllamaMessage Message(string role, string content) => new(role, content);

    protected override OllamaMessage ToolResult(string toolName, string content) => new("tool", content, ToolName: toolName);

    protected override string Content(OllamaMessage message) => message.Content;

    protected override IReadOnlyList<ToolRequest> ToolRequests(OllamaMessage message) =>
        [.. from call in message.ToolCalls ?? [] select Request(call.GetProperty("function"))];

    protected override async Task<OllamaMessage> CompleteAsync(
        IReadOnlyList<OllamaMessage> messages,
        CancellationToken cancellationToken)
    {
        using var request = Request(messages, stream: false);
        using var response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        response.EnsureSuccessStatusCode();
        return Read(await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
    }

    protected override async Task<OllamaMessage> StreamAsync(
        IReadOnlyList<OllamaMessage> messages,
        Iteration iteration,
        CancellationToken cancellationToken)
    {
        using var request = Request(messages, stream: true);
        using var response = await http
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
            .ConfigureAwait(false);
        response.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false));
        var text = new StringBuilder();
        var toolCalls = new List<JsonElement>();
        while (await lines.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            var piece = Read(Encoding.UTF8.GetBytes(line));
            if (piece.Content.Length > 0)
            {
                iteration.SeeText();
                text.Append(piece.Content);
            }

            toolCalls.AddRange(piece.ToolCalls ?? []);
        }

        return new("assistant", text.ToString(), toolCalls.Count > 0 ? toolCalls : null);
    }

    private static ToolRequest Request(JsonElement function) => new(
        function.GetProperty("name").GetString()!,
        function.GetProperty("arguments").EnumerateObject().ToDictionary(
            argument => argument.Name,
            argument => argument.Value));

    private static OllamaMessage Read(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, OllamaJsonContext.Default.OllamaReply)?.Message
        ?? throw new JsonException("the reply has no message");

    private HttpRequestMessage Request(IReadOnlyList<OllamaMessage> messages, bool stream)
    {
        var body = new OllamaRequest(
            _configuration.Model,
            messages,
            new(_configuration.Temperature, _configuration.Seed, _configuration.MaxTokens),
            stream,
            Think: false,
            _configuration.Scenario is Scenario.Tools ? LocalTools.Specifications : null,
            _configuration.Scenario is Scenario.Structured ? CityFacts.Schema : null);
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, OllamaJsonContext.Default.OllamaRequest));
        content.Headers.ContentType = s_json;
        return new(HttpMethod.Post, "api/chat") { Content = content };
    }
}
