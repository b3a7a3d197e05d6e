namespace PerfCompare.Agent.Tests;

public sealed class TraceIdTests
{
    [Fact]
    public void Derived_ids_are_the_same_in_every_language()
    {
        Assert.All(Vectors.TraceIds(), example =>
        {
            var ids = TraceIds.Derive(
                example.GetProperty("runId").GetString()!,
                example.GetProperty("sequence").GetInt64(),
                example.GetProperty("call").GetInt32());

            Assert.Equal(example.GetProperty("traceId").GetString(), ids.TraceId);
            Assert.Equal(example.GetProperty("spanId").GetString(), ids.SpanId);
            Assert.Equal(example.GetProperty("traceparent").GetString(), ids.TraceParent);
        });
    }
}
