using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent.Tests;

public sealed class VectorTests
{
    private static readonly Dictionary<string, Func<JsonElement, string>> s_models = new()
    {
        ["CancelParams"] = Through(ProtocolJsonContext.Default.CancelParams),
        ["CancelResult"] = Through(ProtocolJsonContext.Default.CancelResult),
        ["InitializeParams"] = Through(ProtocolJsonContext.Default.InitializeParams),
        ["InitializeResult"] = Through(ProtocolJsonContext.Default.InitializeResult),
        ["RpcRequest"] = Through(ProtocolJsonContext.Default.RpcRequest),
        ["RpcResponse"] = Through(ProtocolJsonContext.Default.RpcResponse),
        ["RunParams"] = Through(ProtocolJsonContext.Default.RunParams),
        ["RunResult"] = Through(ProtocolJsonContext.Default.RunResult),
        ["RuntimeStatistics"] = Through(ProtocolJsonContext.Default.RuntimeStatistics),
        ["Sample"] = Through(ProtocolJsonContext.Default.Sample),
        ["SamplesParams"] = Through(ProtocolJsonContext.Default.SamplesParams),
        ["TestConfiguration"] = Through(ProtocolJsonContext.Default.TestConfiguration),
        ["WarmupParams"] = Through(ProtocolJsonContext.Default.WarmupParams),
        ["WarmupResult"] = Through(ProtocolJsonContext.Default.WarmupResult),
    };

    public static IEnumerable<TheoryDataRow<string, string>> Valid() =>
        Vectors.Valid().Select(example => new TheoryDataRow<string, string>(
            example.Model,
            example.Value.GetRawText()));

    public static IEnumerable<TheoryDataRow<string, string, string>> Invalid() =>
        Vectors.Invalid().Select(example => new TheoryDataRow<string, string, string>(
            example.Model,
            example.Why,
            example.Value.GetRawText()));

    [Theory]
    [MemberData(nameof(Valid))]
    public void A_valid_message_survives_reading_and_writing(string model, string value)
    {
        var message = JsonElement.Parse(value);

        var written = JsonElement.Parse(s_models[model](message));

        Assert.True(IsSame(message, written), $"{message}\n{written}");
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void An_invalid_message_is_refused(string model, string why, string value)
    {
        var problem = Record.Exception(() => s_models[model](JsonElement.Parse(value)));

        Assert.True(problem is JsonException, why);
    }

    private static Func<JsonElement, string> Through<T>(JsonTypeInfo<T> type)
        where T : class =>
        value => JsonSerializer.Serialize(MessageReader.Read(value, type), type);

    /// <summary>
    /// The same members with the same meaning: 60 is 60.0.
    /// </summary>
    private static bool IsSame(JsonElement expected, JsonElement actual) =>
        expected.ValueKind switch
        {
            JsonValueKind.Object => expected.EnumerateObject().All(member =>
                actual.TryGetProperty(member.Name, out var value) && IsSame(member.Value, value))
                && actual.EnumerateObject().All(member => expected.TryGetProperty(member.Name, out _)),
            JsonValueKind.Array => expected.GetArrayLength() == actual.GetArrayLength()
                && expected.EnumerateArray().Zip(actual.EnumerateArray(), IsSame).All(same => same),
            JsonValueKind.Number => expected.GetDecimal() == actual.GetDecimal(),
            _ => JsonElement.DeepEquals(expected, actual),
        };
}
