using System.Text.Json;

namespace PerfCompare.Agent.Flavours;

/// <summary>A message of Ollama's chat API.</summary>
internal sealed record OllamaMessage(
    string Role,
    string Content,
    IReadOnlyList<JsonElement>? ToolCalls = null,
    string? ToolName = null);
