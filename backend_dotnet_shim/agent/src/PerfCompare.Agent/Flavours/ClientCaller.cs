using System.Text;
using System.Text.Json;
using OllamaSharp;
using OllamaSharp.Models;
using OllamaSharp.Models.Chat;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;
using PerfCompare.Agent.Scenarios;

namespace PerfCompare.Agent.Flavours;

/// <summary>The client library alone.</summary>
internal sealed class ClientCaller(IOllamaApiClient client, TestConfiguration configuration)
    : HandmadeCaller<Message>(configuration)
{
    private readonly TestConfiguration _configuration = configuration;

    protected override Message Message(string role, string content) => new(new ChatRole(role), content);

    protected override Message ToolResult(string toolName, string content) =>
        new(ChatRole.Tool, content) { ToolName = toolName };

    protected override string Content(Message message) => message.Content ?? "";

    protected override IReadOnlyList<ToolRequest> ToolRequests(Message message) =>
        [.. from call in message.ToolCalls ?? []
            select new ToolRequest(call.Function?.Name ?? "", Arguments(call.Function?.Arguments))];

    protected override async Task<Message> CompleteAsync(
        IReadOnlyList<Message> messages,
        CancellationToken cancellationToken)
    {
        var answer = new Message(ChatRole.Assistant, "");
        await foreach (var reply in client.ChatAsync(Request(messages, stream: false), cancellationToken).ConfigureAwait(false))
        {
            answer = reply?.Message ?? answer;
        }

        return answer;
    }

    protected override async Task<Message> StreamAsync(
        IReadOnlyList<Message> messages,
        Iteration iteration,
        CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var toolCalls = new List<Message.ToolCall>();
        await foreach (var piece in client.ChatAsync(Request(messages, stream: true), cancellationToken).ConfigureAwait(false))
        {
            if (!string.IsNullOrEmpty(piece?.Message?.Content))
            {
                iteration.SeeText();
                text.Append(piece.Message.Content);
            }

            toolCalls.AddRange(piece?.Message?.ToolCalls ?? []);
        }

        return new(ChatRole.Assistant, text.ToString()) { ToolCalls = toolCalls.Count > 0 ? toolCalls : null };
    }

    private static Dictionary<string, JsonElement> Arguments(IDictionary<string, object?>? arguments) =>
        (arguments ?? new Dictionary<string, object?>())
            .Where(argument => argument.Value is JsonElement)
            .ToDictionary(argument => argument.Key, argument => (JsonElement)argument.Value!);

    private ChatRequest Request(IReadOnlyList<Message> messages, bool stream) => new()
    {
        Model = _configuration.Model,
        Messages = messages,
        Options = new RequestOptions
        {
            Temperature = (float)_configuration.Temperature,
            Seed = _configuration.Seed,
            NumPredict = _configuration.MaxTokens,
        },
        Stream = stream,
        Think = false,
        Tools = _configuration.Scenario is Scenario.Tools ? LocalTools.Specifications.Cast<object>() : null,
        Format = _configuration.Scenario is Scenario.Structured ? CityFacts.Schema : null,
    };
}
