using System.Text.Json;

namespace PerfCompare.Agent.Flavours;

/// <summary>What is posted to <c>/api/chat</c>.</summary>
internal sealed record OllamaRequest(
    string Model,
    IReadOnlyList<OllamaMessage> Messages,
    OllamaOptions Options,
    bool Stream,
    bool Think,
    IReadOnlyList<JsonElement>? Tools = null,
    JsonElement? Format = null);
