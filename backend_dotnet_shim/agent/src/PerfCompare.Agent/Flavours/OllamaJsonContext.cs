using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Flavours;

/// <summary>Ollama's chat API as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(OllamaRequest))]
[JsonSerializable(typeof(OllamaReply))]
internal sealed partial class OllamaJsonContext : JsonSerializerContext;
