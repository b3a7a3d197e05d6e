using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>An integer from 0: a count or a duration in nanoseconds.</summary>
internal sealed class NonNegativeConverter : JsonConverter<long>
{
    public override long Read(
        ref Utf8JsonReader reader,
        Type typeToConvert,
        JsonSerializerOptions options) =>
        reader.TokenType is JsonTokenType.Number && reader.TryGetInt64(out var value) && value >= 0
            ? value
            : throw new JsonException("is not an integer from 0");

    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value);
}
