using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Reads 0 … 100,000 or <c>"auto"</c>.</summary>
internal sealed class WarmupIterationsConverter : JsonConverter<WarmupIterations>
{
    private const string Auto = "auto";

    public override WarmupIterations Read(
        ref Utf8JsonReader reader,
        Type typeToConvert,
        JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.String when reader.ValueTextEquals(Auto) => new(null),
            JsonTokenType.Number when reader.TryGetInt32(out var count) && count is >= 0 and <= 100_000 =>
                new(count),
            _ => throw new JsonException("is neither \"auto\" nor an integer from 0 to 100000"),
        };

    public override void Write(
        Utf8JsonWriter writer,
        WarmupIterations value,
        JsonSerializerOptions options)
    {
        if (value.Count is { } count)
        {
            writer.WriteNumberValue(count);
        }
        else
        {
            writer.WriteStringValue(Auto);
        }
    }
}
