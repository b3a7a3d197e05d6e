using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>An integer from 1.</summary>
internal sealed class PositiveConverter : JsonConverter<long>
{
    public override long Read(
        ref Utf8JsonReader reader,
        Type typeToConvert,
        JsonSerializerOptions options) =>
        reader.TokenType is JsonTokenType.Number && reader.TryGetInt64(out var value) && value >= 1
            ? value
            : throw new JsonException("is not an integer from 1");

    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value);
}
